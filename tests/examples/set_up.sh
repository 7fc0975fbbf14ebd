leadq init /srv/crm && cd /srv/crm              # crm.py lies here, or is installed where leadq is
echo 'LEADQ_JOBS=crm' >> .env                   # so that workers know its jobs
leadq user create --name "Ana Sales" --email ana@example.com
leadq work --queue high,default
