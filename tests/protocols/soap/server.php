<?php
// A SOAP server by PHP's own ext-soap, as the provider has one. It notes what arrives, with the types that PHP gives
// it, one JSON line for each call, and answers what is plausible.
//
// SOAP_WSDL     path of a WSDL, or empty for non-WSDL mode
// SOAP_ANSWERS  "objects" (SOAP-ENC:Struct) or "arrays" (PHP arrays with keys, which travel as Map)
// SOAP_RECORD   path of the file to note in

function shape($value) {
    if (is_object($value)) {
        return ['object' => array_map('shape', get_object_vars($value))];
    }
    if (is_array($value)) {
        return ['array' => array_map('shape', $value)];
    }
    return [get_debug_type($value) => $value];
}

class Gateway {
    private function answer(array $fields) {
        if (getenv('SOAP_ANSWERS') === 'arrays') {
            return $fields;
        }
        $lists = ['ids', 'acks', 'answer'];
        foreach ($lists as $name) {
            if (isset($fields[$name])) {
                $fields[$name] = array_map(fn($entry) => (object) $entry, $fields[$name]);
            }
        }
        return (object) $fields;
    }

    private function note(string $name, array $arguments) {
        $line = json_encode([$name, array_map('shape', $arguments)], JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
        file_put_contents(getenv('SOAP_RECORD'), $line . "\n", FILE_APPEND);
    }

    private function rows($list): array {
        if (is_object($list)) {
            $list = $list->item ?? [];
        }
        return is_array($list) ? $list : [$list];
    }

    public function sendSms($clientCode = null, $passCode = null, $messageData = null) {
        $this->note('sendSms', func_get_args());
        $ids = [];
        foreach ($this->rows($messageData->sms) as $index => $row) {
            $ids[] = ['mobilePhone' => $row->mobilePhone, 'id' => 32845703 + $index, 'part' => 1];
        }
        return $this->answer([
            'status' => 100, 'statusText' => 'Le message a été envoyé', 'credits' => 1440.5, 'invalidNumbers' => '',
            'campaignId' => 'ap_111110693496', 'ids' => $ids,
        ]);
    }

    public function getAcks($clientCode = null, $passCode = null, $campId = null) {
        $this->note('getAcks', func_get_args());
        $one = ['phoneNumber' => '33611223344', 'status' => 1, 'comment' => 'Delivered',
            'receptionDate' => '2013-06-25 11:32:03'];
        return $this->answer(['status' => 0, 'acks' => [$one], 'cliMsgId' => 'myMsgId']);
    }

    public function getPull($clientCode = null, $passCode = null, $campId = null) {
        $this->note('getPull', func_get_args());
        $one = ['id' => null, 'campaignId' => 'ap_11115693606', 'message' => 'Été & <oui> "€"',
            'receptionDate' => '2013-06-25 11:31:29', 'phoneNumber' => 33611223344];
        return $this->answer(['status' => 0, 'pulls' => null, 'answer' => [$one, $one], 'cliMsgId' => true]);
    }

    public function getInfo($clientCode = null, $passCode = null) {
        $this->note('getInfo', func_get_args());
        return $this->answer(['status' => 'active account', 'credits' => '1410']);
    }

    public function deleteCampaign($clientId = null, $passCode = null, $campId = null) {
        $this->note('deleteCampaign', func_get_args());
        return $this->answer(['status' => 'OK']);
    }

    public function getStop($clientId = null, $passCode = null) {
        $this->note('getStop', func_get_args());
        $one = ['phoneNumber' => '33612345678', 'comment' => 'stop', 'receptionDate' => '2014-01-22 14:34:12'];
        return $this->answer(['answer' => [$one]]);
    }

    public function createSubAccount($clientCode = null, $passCode = null, $subAccount = null) {
        $this->note('createSubAccount', func_get_args());
        if ($subAccount->login === 'client') {
            throw new SoapFault('Client', 'secret words');
        }
        if ($subAccount->login === 'crash') {
            throw new SoapFault('Server', 'secret words');
        }
        return $this->answer(['status' => '1', 'text' => 'Sub-account successfully created']);
    }
}

$wsdl = getenv('SOAP_WSDL') ?: null;
$server = new SoapServer($wsdl, ['uri' => 'urn:MsInnovations_Api_Soap_Wsdl', 'cache_wsdl' => WSDL_CACHE_NONE]);
$server->setClass('Gateway');
$server->handle();
